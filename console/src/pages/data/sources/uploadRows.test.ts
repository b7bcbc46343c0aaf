import { describe, expect, it } from "vitest";
import type { UploadOut } from "../../../api/types";
import type { QueuedFile } from "../../../uploads/queue";
import { rowsOf, unreadOf } from "./uploadRows";

const ID = "0".repeat(32);
const queued: QueuedFile = { key: "file-1", name: "a.csv", size: 10, sent: 4, phase: "uploading", bytesPerSecond: null, id: ID, error: null };
const upload = { upload_id: ID, original_name: "a.csv", size: 10, received: 4, state: "receiving", refusal: null, tables: [], warnings: [] } as unknown as UploadOut;

describe("uploads of this page and of others", () => {
  it("shows one that this page sends once, as this page knows it", () => {
    expect(rowsOf([queued], [upload]).map((row) => [row.key, row.state, row.received])).toEqual([["file-1", "uploading", 4]]);
  });

  it("takes the server's word once all is sent", () => {
    const sent = { ...queued, phase: "sent" as const, sent: 10 };
    expect(rowsOf([sent], [])[0]?.state).toBe("judging");
    expect(rowsOf([sent], [{ ...upload, state: "ready" }])[0]?.state).toBe("ready");
    expect(rowsOf([{ ...queued, phase: "failed" }], [{ ...upload, state: "refused", refusal: "No." }])[0]).toMatchObject({ state: "refused", problem: "No." });
  });

  it("knows what is to be read, and what cannot be", () => {
    const sent = { ...queued, phase: "sent" as const, sent: 10 };
    const ready = { ...upload, state: "ready", problem: null };
    const found = (some: object) => rowsOf([sent], [{ ...ready, ...some } as UploadOut]);
    expect(unreadOf(found({})).map((one) => one.upload_id)).toEqual([ID]);
    expect(unreadOf(found({ tables: [{ name: "a", rows: 1 }] }))).toEqual([]);
    expect(unreadOf(found({ state: "reading" }))).toEqual([]);
    expect(unreadOf(rowsOf([], [ready]))).toEqual([]);
    const broken = found({ problem: "Line 3 has two cells too many." });
    expect(broken[0]).toMatchObject({ state: "unread", problem: "Line 3 has two cells too many." });
    expect(unreadOf(broken)).toEqual([]);
  });

  it("tells of one that nobody sends that it is unfinished", () => {
    expect(rowsOf([], [upload])[0]).toMatchObject({ state: "unfinished", received: 4 });
  });
});
