/** Files that this page sends: some at a time, on whatever page of the console one is meanwhile. */
import { useSyncExternalStore } from "react";
import type { ApiError } from "../api/client";
import { forget, recall, remember } from "./fingerprints";
import type { Sending } from "./send";
import { Speed } from "./speed";

export type Phase = "waiting" | "uploading" | "retrying" | "judging" | "paused" | "sent" | "failed";

export interface QueuedFile {
  readonly key: string;
  readonly name: string;
  readonly size: number;
  readonly sent: number;
  readonly phase: Phase;
  readonly bytesPerSecond: number | null;
  /** The upload, once it was begun. */
  readonly id: string | null;
  readonly error: ApiError | null;
}

const AT_ONCE_COUNT = 3;

interface Work {
  file: File;
  sending?: Sending;
  speed: Speed;
}

let queue: readonly QueuedFile[] = [];
const works = new Map<string, Work>();
const listeners = new Set<() => void>();
let last = 0;

function publish(next: readonly QueuedFile[]): void {
  queue = next;
  for (const listener of listeners) listener();
}

function change(key: string, some: Partial<QueuedFile>): void {
  publish(queue.map((one) => (one.key === key ? { ...one, ...some } : one)));
}

const BUSY: readonly Phase[] = ["uploading", "retrying", "judging"];

export function isUnderway(phase: Phase): boolean {
  return phase === "waiting" || BUSY.includes(phase);
}

function leaving(event: BeforeUnloadEvent): void {
  if (queue.some((one) => isUnderway(one.phase))) event.preventDefault();
}

async function start(one: QueuedFile, work: Work): Promise<void> {
  work.speed = new Speed();
  change(one.key, { phase: "uploading", error: null, bytesPerSecond: null });
  const { send } = await import("./send");
  if (queue.find((other) => other.key === one.key)?.phase !== "uploading") return; // paused or removed meanwhile
  work.sending = send(work.file, one.id ?? recall(work.file), {
    onBegun: (id) => {
      remember(work.file, id);
      change(one.key, { id });
    },
    onProgress: (sent) => {
      change(one.key, { sent, phase: sent >= one.size ? "judging" : "uploading", error: null, bytesPerSecond: work.speed.at(sent, Date.now()) });
    },
    onWaiting: (error) => {
      change(one.key, { phase: "retrying", error });
    },
    onDone: () => {
      const id = queue.find((other) => other.key === one.key)?.id;
      if (id) forget(id);
      change(one.key, { phase: "sent", sent: one.size, error: null });
      advance();
    },
    onFailed: (error) => {
      change(one.key, { phase: "failed", error });
      advance();
    },
  });
}

function advance(): void {
  let free = AT_ONCE_COUNT - queue.filter((one) => BUSY.includes(one.phase)).length;
  for (const one of queue) {
    const work = works.get(one.key);
    if (free > 0 && one.phase === "waiting" && work) {
      free -= 1;
      void start(one, work);
    }
  }
}

/** Send files. One that is on its way already is not sent twice. */
export function addFiles(files: readonly File[]): void {
  window.addEventListener("beforeunload", leaving);
  const made = files.flatMap((file) => {
    const twin = queue.find((one) => one.phase !== "sent" && one.name === file.name && one.size === file.size && works.get(one.key)?.file.lastModified === file.lastModified);
    if (twin) {
      if (twin.phase === "failed" || twin.phase === "paused") change(twin.key, { phase: "waiting" });
      return [];
    }
    last += 1;
    const key = `file-${last}`;
    works.set(key, { file, speed: new Speed() });
    return [{ key, name: file.name, size: file.size, sent: 0, phase: "waiting" as const, bytesPerSecond: null, id: recall(file) ?? null, error: null }];
  });
  publish([...queue, ...made]);
  advance();
}

/** Stop sending a file; what came of it is kept. */
export function pause(key: string): void {
  works.get(key)?.sending?.stop();
  change(key, { phase: "paused", bytesPerSecond: null });
  advance();
}

/** Go on with a file that is paused or failed. */
export function resume(key: string): void {
  change(key, { phase: "waiting", error: null });
  advance();
}

/** Let a file go: nothing of it is sent any more. */
export function drop(key: string): void {
  works.get(key)?.sending?.stop();
  works.delete(key);
  const id = queue.find((one) => one.key === key)?.id;
  if (id) forget(id);
  publish(queue.filter((one) => one.key !== key));
  advance();
}

export function useQueue(): readonly QueuedFile[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => queue,
  );
}
