/** Sources that are saved or stand in endpoints.yaml: chosen for a generation, edited, removed. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../../api/client";
import type { SourceOut } from "../../../api/types";
import { useSession } from "../../../app/session";
import { Confirm } from "../../../components/Dialog";
import { State } from "../../../components/State";
import { toast } from "../../../components/toast";
import { Badge, Button, Empty, Muted, Row, SmallTable, type Column } from "../../../components/controls";
import { t } from "../../../text/catalogue";
import { ago, moment, visible } from "../../../text/format";

interface SavedProps {
  sources: readonly SourceOut[];
  chosen: readonly string[];
  onChoose: (name: string, isChosen: boolean) => void;
  onEdit: (source: SourceOut) => void;
}

export function SavedSources({ sources, chosen, onChoose, onEdit }: SavedProps) {
  const [removing, setRemoving] = useState<SourceOut | null>(null);
  const { may_decide: mayDecide } = useSession();
  if (sources.length === 0) return <Empty title={t("connectors.none")} hint={t("connectors.noneHint")} />;
  const columns: Column<SourceOut>[] = [
    { id: "use", header: t("connectors.useHeader"), cell: (one) => <input type="checkbox" aria-label={t("connectors.use", { name: one.name })} disabled={one.problem !== null} checked={chosen.includes(one.name)} onChange={(event) => { onChoose(one.name, event.target.checked); }} /> },
    { id: "name", header: t("endpoints.name"), cell: (one) => <><strong>{visible(one.name)}</strong> {one.origin === "file" && <Muted>{t("connectors.fixed")}</Muted>} {one.problem && <Badge tone="bad">{visible(one.problem)}</Badge>}</> },
    { id: "type", header: t("connectors.type"), cell: (one) => one.type },
    { id: "tested", header: t("connectors.lastTest"), cell: (one) => (one.last_test ? <Badge tone={one.last_test.status === "success" ? "ok" : "bad"}>{ago(one.last_test.at)}</Badge> : <Muted>{t("connectors.never")}</Muted>) },
    { id: "read", header: t("tables.readAt"), cell: (one) => (one.last_read ? <Row><State state={one.last_read.state} /> <span title={moment(one.last_read.created_at)}>{ago(one.last_read.finished_at ?? one.last_read.created_at)}</span></Row> : <Muted>{t("connectors.never")}</Muted>) },
    {
      id: "actions",
      header: t("sessions.actions"),
      cell: (one) => (
        <Row>
          <Read source={one} isOff={!mayDecide} />
          {one.origin === "saved" && (
            <>
              <Button look="quiet" icon="edit" name={t("connectors.edit", { name: one.name })} disabled={!mayDecide} onClick={() => { onEdit(one); }} />
              <Button look="quiet" icon="cross" name={t("connectors.remove", { name: one.name })} disabled={!mayDecide} onClick={() => { setRemoving(one); }} />
            </>
          )}
        </Row>
      ),
    },
  ];
  return (
    <>
      <SmallTable label={t("connectors.saved.title")} columns={columns} rows={sources} keyOf={(one) => one.name} />
      {removing && <Remove source={removing} onClose={() => { setRemoving(null); }} onRemoved={() => { onChoose(removing.name, false); }} />}
    </>
  );
}

function Read({ source, isOff }: { source: SourceOut; isOff: boolean }) {
  const queries = useQueryClient();
  const [isBusy, setBusy] = useState(false);
  const state = source.last_read?.state;
  const read = async () => {
    setBusy(true);
    try {
      await call("POST /api/sources/{name}/read", { path: { name: source.name }, body: {} });
      toast(t("connectors.readAsked", { name: source.name }));
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
      await queries.invalidateQueries({ queryKey: ["GET /api/sources"] });
    }
  };
  return <Button look="quiet" icon="refresh" name={t("connectors.read", { name: source.name })} disabled={isOff || isBusy || state === "queued" || state === "running" || source.problem !== null} onClick={() => void read()} />;
}

function Remove({ source, onClose, onRemoved }: { source: SourceOut; onClose: () => void; onRemoved: () => void }) {
  const queries = useQueryClient();
  return (
    <Confirm
      title={t("connectors.removeTitle", { name: source.name })}
      action={t("connectors.removeDo")}
      isDangerous
      onClose={onClose}
      onConfirm={async () => {
        await call("DELETE /api/sources/{name}", { path: { name: source.name }, headers: { "if-match": `"${source.revision ?? 0}"` } });
        onRemoved();
        await queries.invalidateQueries({ queryKey: ["GET /api/sources"] });
        toast(t("connectors.removed", { name: source.name }));
      }}
    >
      <p>{t("connectors.removeSays")}</p>
    </Confirm>
  );
}
