/** How fast bytes go: over the last seconds, so that it neither jumps nor lags. */

const WINDOW_MS = 4_000;
const SHORTEST_MS = 300;

export class Speed {
  private points: { sent: number; at: number }[] = [];

  /** Note how far it is; bytes per second, null while nobody can tell. */
  at(sent: number, now: number): number | null {
    this.points.push({ sent, at: now });
    while (this.points.length > 2 && now - (this.points[0]?.at ?? now) > WINDOW_MS) this.points.shift();
    const first = this.points[0];
    if (!first || now - first.at < SHORTEST_MS) return null;
    return ((sent - first.sent) / (now - first.at)) * 1000;
  }
}

/** Seconds until the rest is sent; null while nobody can tell. */
export function secondsLeft(rest: number, bytesPerSecond: number | null): number | null {
  return bytesPerSecond && bytesPerSecond > 0 ? rest / bytesPerSecond : null;
}
