/** How a state of the server looks: one table for endpoints, replications, parts and alerts. */
import type { Tone } from "../components/controls";
import type { IconName } from "../components/Icon";

const LOOKS: Record<string, readonly [Tone, IconName]> = {
  ok: ["ok", "check"],
  completed: ["ok", "check"],
  running: ["info", "refresh"],
  queued: ["info", "clock"],
  reading: ["info", "refresh"],
  fitting: ["info", "refresh"],
  generating: ["info", "refresh"],
  checking: ["info", "refresh"],
  exporting: ["info", "refresh"],
  committing: ["info", "refresh"],
  cancelled: ["plain", "cross"],
  current: ["ok", "check"],
  replaced: ["plain", "clock"],
  held: ["warn", "hand"],
  partial: ["warn", "warning"],
  degraded: ["warn", "warning"],
  stale: ["warn", "clock"],
  rejected: ["plain", "minus"],
  disabled: ["plain", "pause"],
  "never synced": ["plain", "clock"],
  "never run": ["plain", "clock"],
  failed: ["bad", "cross"],
  failing: ["bad", "cross"],
  broken: ["bad", "cross"],
  "breaker open": ["bad", "pause"],
};

export function lookOf(state: string): readonly [Tone, IconName] {
  return LOOKS[state] ?? ["plain", "dot"];
}
