/** Uploads as people see them: what the server has, and what this page is sending, as one list. */
import type { UploadOut } from "../../../api/types";
import type { IconName } from "../../../components/Icon";
import type { Tone } from "../../../components/controls";
import type { QueuedFile } from "../../../uploads/queue";

export interface UploadRow {
  key: string;
  name: string;
  size: number | null;
  received: number;
  state: UploadState;
  queued: QueuedFile | null;
  upload: UploadOut | null;
  /** Why it is not going on, in the server's words. */
  problem: string | null;
  hint: string | null;
}

export const LOOKS = {
  waiting: ["plain", "clock"],
  uploading: ["info", "upload"],
  retrying: ["warn", "refresh"],
  judging: ["info", "search"],
  scanning: ["info", "search"],
  reading: ["info", "refresh"],
  paused: ["plain", "pause"],
  failed: ["bad", "cross"],
  refused: ["bad", "cross"],
  ready: ["ok", "check"],
  unread: ["warn", "warning"],
  unfinished: ["warn", "pause"],
} as const satisfies Record<string, readonly [Tone, IconName]>;

export type UploadState = keyof typeof LOOKS;

/** Whether the server may tell something else of it soon. */
export function isChanging(state: UploadState): boolean {
  return ["waiting", "uploading", "retrying", "judging", "scanning", "reading"].includes(state);
}

function stateOf(upload: UploadOut): UploadState {
  if (upload.state === "ready" && upload.problem) return "unread";
  return upload.state === "receiving" ? "unfinished" : upload.state in LOOKS ? (upload.state as UploadState) : "reading";
}

function rowOfQueued(queued: QueuedFile, upload: UploadOut | null): UploadRow {
  const isRefused = upload?.state === "refused";
  const state = queued.phase === "sent" ? (upload ? stateOf(upload) : "judging") : isRefused ? "refused" : queued.phase;
  return {
    key: queued.key,
    name: queued.name,
    size: queued.size,
    received: Math.max(queued.sent, queued.phase === "sent" ? queued.size : 0),
    state: state === "unfinished" ? "judging" : state,
    queued,
    upload,
    problem: isRefused ? upload.refusal : (queued.error?.message ?? upload?.problem ?? null),
    hint: isRefused ? null : (queued.error?.hint ?? null),
  };
}

/** Uploads that this page sent, and that nobody has read yet. */
export function unreadOf(rows: readonly UploadRow[]): UploadOut[] {
  return rows.flatMap(({ queued, upload, state }) => (queued && upload && state === "ready" && upload.tables.length === 0 ? [upload] : []));
}

/** One row for each: those of this page first, then the others, newest first. */
export function rowsOf(queue: readonly QueuedFile[], uploads: readonly UploadOut[]): UploadRow[] {
  const byId = new Map(uploads.map((one) => [one.upload_id, one]));
  const ours = new Set(queue.flatMap((one) => (one.id ? [one.id] : [])));
  const sending = queue.map((one) => rowOfQueued(one, (one.id && byId.get(one.id)) || null));
  const others = uploads
    .filter((one) => !ours.has(one.upload_id))
    .map((upload): UploadRow => ({
      key: upload.upload_id,
      name: upload.original_name,
      size: upload.size,
      received: upload.received,
      state: stateOf(upload),
      queued: null,
      upload,
      problem: upload.refusal ?? upload.problem ?? null,
      hint: null,
    }));
  return [...sending, ...others];
}
