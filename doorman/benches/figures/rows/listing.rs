//! What tools that a caller may not see cost it in `tools/list`.

use crate::{
    Options, Outcome,
    client::stateless,
    instructions,
    load::{Contender, in_turn},
    roles::{Files, token},
    server::Server,
    table::{Goal, Row, Unit},
};

pub(crate) async fn rows(options: &Options) -> Outcome<Vec<Row>> {
    let (one, other) = (Files::new(1)?, Files::new(1)?);
    let thousand = Server::start(&one.http("1000"))?;
    let five = Server::start(&other.http("5"))?;
    let mut contenders = [contender(&thousand).await?, contender(&five).await?];
    in_turn(&mut contenders, options).await?;
    let [many, few] = &contenders;
    let what = "tools/list, 5 visible of 1,000";
    let mut rows = vec![
        Row::new(format!("{what}, CPU"), many.cpu(), Unit::Micros, Goal::Times(1.2)).against(few.cpu(), "with 5 tools"),
    ];
    drop(contenders);
    thousand.stop()?;
    five.stop()?;
    let what = format!("{what}, instructions");
    rows.push(match instructions::available() {
        _ if options.quick => Row::skipped(what, "NOT COUNTED: takes longer than --quick allows"),
        Err(why) => Row::skipped(what, why),
        Ok(()) => {
            let many = instructions::per_call(&one.http("1000"), list, LAST, options).await?;
            let few = instructions::per_call(&other.http("5"), list, LAST, options).await?;
            Row::new(what, many, Unit::Instructions, Goal::Times(1.2)).against(few, "with 5 tools")
        }
    });
    Ok(rows)
}

const LAST: &str = "visible-4_get_invoice";

async fn contender(server: &Server) -> Outcome<Contender<'_>> {
    Contender::new(server, vec![list(server)], LAST).await
}

fn list(server: &Server) -> Vec<u8> {
    stateless(server.address(), Some(&token(0)), "tools/list", None)
}
