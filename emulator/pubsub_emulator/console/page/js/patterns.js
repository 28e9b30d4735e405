// Which topics a pattern stands for: `*` is one token, a last `>` is one or more.
export const isPattern = (topic) => topic.split(".").some((token) => token === "*" || token === ">");

const STANDS_FOR = { __proto__: null, "*": "[^.]+", ">": ".+" };
const matches = (pattern, topic) =>
  new RegExp(`^${pattern.split(".").map((token) => STANDS_FOR[token] ?? token.replaceAll("+", "\\+")).join("\\.")}$`).test(topic);

// Whether one of these subscriptions is to the topic.
export const follows = (subscriptions, topic, isDead) =>
  subscriptions.some((each) => each.topic === topic || (!isDead && isPattern(each.topic) && matches(each.topic, topic)));
