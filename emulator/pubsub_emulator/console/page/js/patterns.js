// Which topics a pattern stands for: `*` is one token, a last `>` is one or more.
export const isPattern = (topic) => topic.split(".").some((token) => token === "*" || token === ">");

export function matches(pattern, topic) {
  const wanted = pattern.split("."), tokens = topic.split(".");
  if (wanted.at(-1) === ">") {
    if (tokens.length < wanted.length) return false;
    wanted.pop();
    tokens.length = wanted.length;
  }
  return wanted.length === tokens.length && wanted.every((token, index) => token === "*" || token === tokens[index]);
}
