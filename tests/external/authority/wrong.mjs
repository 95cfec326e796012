// A request to the control interface that says what can't be done: 400, with the message.
export class Wrong extends Error {}

// A misspelt field would make a test pass for another reason than its own.
export function fields(given, ...known) {
  if (given === null || typeof given !== "object" || Array.isArray(given)) throw new Wrong("a JSON object is expected");
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw new Wrong(`no field "${name}"; there are ${known.join(", ")}`);
  }
  return given;
}

// A null says that there should be none.
export const without = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
