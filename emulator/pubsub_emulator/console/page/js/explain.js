// What became of an event for a subscriber, as a sentence.
import { visible } from "./exact.js";
import { clock, inFuture } from "./format.js";

const at = (time) => `${clock(time)} (${inFuture(time)})`;

const SENTENCES = {
  not_read: () => "was not read yet: it is in the backlog",
  before_start: () => "is older than where the subscription began, or was moved to",
  filtered: ({ clause }) => clause === "redrivefor" ? "was redriven for another subscriber" : `is filtered out by ${clause}`,
  delayed: ({ until }) => `was published with a delay, until ${at(until)}`,
  leased: ({ until, attempt }) => `is with a consumer, as attempt ${attempt}, until ${at(until)}`,
  due: (found) => `failed, and comes again as attempt ${found.attempt} at ${at(found.at)}`,
  dead: ({ reason }) => `failed for the last time${reason ? ` (${visible(reason)})` : ""}, and is about to become a dead letter`,
  dead_lettered: ({ dead_letter_topic }) => `failed for the last time, and is a dead letter in ${dead_letter_topic}`,
  dropped: () => "failed for the last time in a dead-letter topic, and was dropped",
  settled: () => "was delivered and settled",
  trimmed: () => "was deleted by retention",
  unknown_event: () => "is not known: there is no such event in this topic",
};

export const sentence = (found) => `It ${SENTENCES[found.state]?.(found) ?? found.state}.`;
