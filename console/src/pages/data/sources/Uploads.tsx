/** Files that were sent or are on their way: how far, what is in them, and what can be done with them. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";
import { call } from "../../../api/client";
import { useSession } from "../../../app/session";
import { Confirm } from "../../../components/Dialog";
import { toast } from "../../../components/toast";
import { Badge, Button, Empty, Muted } from "../../../components/controls";
import { drop, pause, resume } from "../../../uploads/queue";
import { secondsLeft } from "../../../uploads/speed";
import { t } from "../../../text/catalogue";
import { ago, bytes, duration, plural, share, visible } from "../../../text/format";
import { LOOKS, isChanging, type UploadRow } from "./uploadRows";
import styles from "./sources.module.css";

const SPOKEN_EVERY_MS = 5_000;

interface UploadsProps {
  rows: readonly UploadRow[];
  chosen: readonly string[];
  onChoose: (id: string, isChosen: boolean) => void;
  onLook: (row: UploadRow) => void;
  onRead: (row: UploadRow) => void;
}

export function Uploads({ rows, chosen, onChoose, onLook, onRead }: UploadsProps) {
  const [removing, setRemoving] = useState<UploadRow | null>(null);
  if (rows.length === 0) return <Empty title={t("sources.noUploads")} hint={t("sources.noUploadsHint")} />;
  return (
    <>
      <Spoken rows={rows} />
      <ul className={styles.uploads} aria-label={t("sources.uploads")}>
        {rows.map((row) => (
          <UploadItem
            key={row.key}
            row={row}
            isChosen={row.upload !== null && chosen.includes(row.upload.upload_id)}
            onChoose={onChoose}
            onLook={() => {
              onLook(row);
            }}
            onRead={() => {
              onRead(row);
            }}
            onRemove={() => {
              setRemoving(row);
            }}
          />
        ))}
      </ul>
      {removing && <Remove row={removing} onClose={() => { setRemoving(null); }} onRemoved={(id) => { onChoose(id, false); }} />}
    </>
  );
}

interface ItemProps {
  row: UploadRow;
  isChosen: boolean;
  onChoose: (id: string, isChosen: boolean) => void;
  onLook: () => void;
  onRead: () => void;
  onRemove: () => void;
}

function UploadItem({ row, isChosen, onChoose, onLook, onRead, onRemove }: ItemProps) {
  const { may_decide: mayDecide } = useSession();
  const name = visible(row.name);
  const [tone, icon] = LOOKS[row.state];
  const { queued, upload } = row;
  const isReady = row.state === "ready" && upload !== null;
  return (
    <li className={styles.upload}>
      <span className={styles.choose}>
        {isReady && (
          <input
            type="checkbox"
            aria-label={t("sources.use", { name })}
            checked={isChosen}
            onChange={(event) => {
              onChoose(upload.upload_id, event.target.checked);
            }}
          />
        )}
      </span>
      <div className={styles.about}>
        <div className={styles.line}>
          <strong className={styles.fileName}>{name}</strong>
          <Badge tone={tone} icon={icon}>
            {t(`sources.${row.state}`)}
          </Badge>
          <Muted>{facts(row)}</Muted>
        </div>
        {isChanging(row.state) || row.state === "paused" || row.state === "unfinished" ? <Bar row={row} /> : null}
        {row.problem && row.state !== "ready" && (
          <p className={row.state === "retrying" ? styles.waitingFor : styles.problem}>
            {row.problem} {row.hint}
          </p>
        )}
        {row.state === "unfinished" && <p className={styles.waitingFor}>{t("sources.unfinishedHint", { received: bytes(row.received), size: bytes(row.size) })}</p>}
        {(upload?.warnings ?? []).map((one, at) => (
          <p key={at} className={styles.waitingFor}>
            {visible(messageOf(one))}
          </p>
        ))}
      </div>
      <div className={styles.actions}>
        {queued && (queued.phase === "uploading" || queued.phase === "retrying" || queued.phase === "waiting") && <Button look="quiet" icon="pause" name={t("sources.pause", { name })} onClick={() => { pause(queued.key); }} />}
        {queued?.phase === "paused" && <Button look="quiet" icon="right" name={t("sources.resume", { name })} onClick={() => { resume(queued.key); }} />}
        {queued?.phase === "failed" && row.state !== "refused" && <Button look="quiet" icon="refresh" name={t("sources.retry", { name })} onClick={() => { resume(queued.key); }} />}
        {isReady && <Button look="quiet" icon="search" name={t("sources.look", { name })} onClick={onLook} />}
        {(isReady || row.state === "unread") && <Button look="quiet" icon="settings" name={t("sources.readingOf", { name })} disabled={!mayDecide} onClick={onRead} />}
        <Button look="quiet" icon="cross" name={t("sources.remove", { name })} disabled={!mayDecide} onClick={onRemove} />
      </div>
    </li>
  );
}

function messageOf(warning: Record<string, unknown>): string {
  return String(warning["message"] ?? warning["code"] ?? "");
}

/** What is known of a file in few words: how it goes, or what is in it. */
function facts(row: UploadRow): ReactNode {
  const { queued, upload } = row;
  const parts: string[] = [];
  if (queued && ["uploading", "retrying"].includes(queued.phase)) {
    parts.push(t("sources.progress", { sent: bytes(row.received), size: bytes(row.size) }));
    if (queued.bytesPerSecond) parts.push(t("sources.speed", { speed: bytes(queued.bytesPerSecond) }));
    const left = secondsLeft(queued.size - queued.sent, queued.bytesPerSecond);
    if (left !== null) parts.push(t("sources.left", { time: duration(left) }));
  } else {
    parts.push(bytes(row.size));
    const tables = upload?.tables ?? [];
    if (tables.length > 0) {
      const counts = tables.map((one) => one["rows"]).filter((rows): rows is number => typeof rows === "number");
      parts.push(t("sources.found", { tables: plural(tables.length, "table"), rows: plural(counts.length === tables.length ? counts.reduce((sum, one) => sum + one, 0) : null, "row") }));
    }
    if (upload && !queued) parts.push(ago(upload.created_at));
  }
  return parts.join(" · ");
}

function Bar({ row }: { row: UploadRow }) {
  const part = row.size ? Math.min(1, row.received / row.size) : 0;
  const isUnknown = row.state === "judging" || row.state === "scanning" || row.state === "reading";
  return (
    <progress className={styles.bar} max={1} {...(isUnknown ? {} : { value: part })} aria-label={visible(row.name)}>
      {share(part)}
    </progress>
  );
}

/** For who does not see the bars: how many are done, now and then. */
function Spoken({ rows }: { rows: readonly UploadRow[] }) {
  const sending = rows.filter((row) => row.queued);
  const done = sending.filter((row) => !isChanging(row.state)).length;
  const text = sending.length > 0 ? t("sources.sentSummary", { done, all: sending.length }) : "";
  const [said, setSaid] = useState("");
  useEffect(() => {
    const timer = window.setTimeout(() => {
      setSaid(text);
    }, SPOKEN_EVERY_MS);
    return () => {
      window.clearTimeout(timer);
    };
  }, [text]);
  return (
    <p className="visually-hidden" role="status">
      {said}
    </p>
  );
}

function Remove({ row, onClose, onRemoved }: { row: UploadRow; onClose: () => void; onRemoved: (id: string) => void }) {
  const queries = useQueryClient();
  const name = visible(row.name);
  return (
    <Confirm
      title={t("sources.removeTitle", { name })}
      action={t("sources.removeDo")}
      isDangerous
      onClose={onClose}
      onConfirm={async () => {
        const id = row.upload?.upload_id ?? row.queued?.id ?? null;
        if (row.queued) pause(row.queued.key);
        if (id && row.state !== "refused") await call("DELETE /api/uploads/{upload_id}", { path: { upload_id: id } });
        else if (id && row.upload) await call("DELETE /api/uploads/{upload_id}", { path: { upload_id: id } });
        if (row.queued) drop(row.queued.key);
        if (id) onRemoved(id);
        await queries.invalidateQueries({ queryKey: ["GET /api/uploads"] });
        toast(t("sources.removed", { name }));
      }}
    >
      <p>{t("sources.removeSays")}</p>
    </Confirm>
  );
}
