/** The first tab: what tables are made of. Files are dropped anywhere on it. */
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { call } from "../../../api/client";
import { useApi } from "../../../api/queries";
import { useSession } from "../../../app/session";
import { Answer } from "../../../components/Answer";
import { ButtonLink, Muted, Stack } from "../../../components/controls";
import { addFiles, useQueue } from "../../../uploads/queue";
import { t } from "../../../text/catalogue";
import { plural } from "../../../text/format";
import { text } from "../../../query/codec";
import { useQueryState } from "../../../query/useQueryState";
import { DataPage } from "../DataPage";
import { tabAddress, useWizard, type Wizard } from "../wizard";
import { Connectors } from "./Connectors";
import { DropZone } from "./DropZone";
import { ReadingSheet } from "./ReadingSheet";
import { SavedSources } from "./SavedSources";
import { SourceSheet } from "./SourceSheet";
import { UploadPreview } from "./UploadPreview";
import { Uploads } from "./Uploads";
import { isChanging, rowsOf, unreadOf } from "./uploadRows";
import data from "../data.module.css";

/** Which sheet is open: of a new source of a type, or of one that there is; or the rows of an upload. */
const OPEN = { connect: text(), edit: text(), look: text(), read: text() };
const UPLOADS_COUNT = 200;
/** Uploads of this page that were offered for the generation already: who unticks one does not get it back. */
const offered = new Set<string>();
/** Those that are being read since they were sent. */
const begun = new Set<string>();

export default function SourcesPage() {
  const [wizard, change] = useWizard();
  const [open, setOpen] = useQueryState(OPEN);
  const { may_decide: mayDecide } = useSession();
  const queries = useQueryClient();
  const queue = useQueue();
  const isSending = queue.some((one) => one.phase !== "sent" && one.phase !== "paused" && one.phase !== "failed");
  const query = useApi("GET /api/uploads", { query: { limit: UPLOADS_COUNT } }, { everySeconds: isSending ? 2 : 10 });
  const rows = useMemo(() => rowsOf(queue, query.data?.uploads ?? []), [queue, query.data]);
  const sentCount = queue.filter((one) => one.phase === "sent" || one.phase === "failed").length;
  const seen = useRef(sentCount);
  useEffect(() => {
    if (seen.current === sentCount) return;
    seen.current = sentCount;
    void queries.invalidateQueries({ queryKey: ["GET /api/uploads"] });
  }, [queries, sentCount]);
  const isReading = rows.some((row) => row.upload !== null && isChanging(row.state) && row.queued?.phase !== "uploading");
  useEffect(() => {
    if (!isReading) return undefined;
    const timer = window.setInterval(() => void queries.invalidateQueries({ queryKey: ["GET /api/uploads"] }), 1_500);
    return () => {
      window.clearInterval(timer);
    };
  }, [isReading, queries]);
  const unread = unreadOf(rows).filter((one) => !begun.has(one.upload_id));
  const unreadKey = unread.map((one) => one.filename).join("/");
  useEffect(() => {
    for (const one of unread) {
      begun.add(one.upload_id);
      const again = () => void queries.invalidateQueries({ queryKey: ["GET /api/uploads"] });
      // What comes of it, a problem too, is told with the upload.
      void call("GET /api/upload/file/{filename}/content", { path: { filename: one.filename }, query: { max_rows: 1 } }).then(again, again);
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [unreadKey, queries]);
  const fresh = rows.flatMap((row) => (row.queued && row.upload && row.state === "ready" && row.upload.tables.length > 0 && !offered.has(row.upload.upload_id) ? [row.upload.upload_id] : []));
  const freshKey = fresh.join(",");
  useEffect(() => {
    if (freshKey === "") return;
    const ids = freshKey.split(",");
    for (const id of ids) offered.add(id);
    change({ upload: [...new Set([...wizard.upload, ...ids])] }, { replace: true });
  }, [freshKey, change, wizard.upload]);
  const choose = useCallback(
    (id: string, isChosen: boolean) => {
      change({ upload: isChosen ? [...wizard.upload, id] : wizard.upload.filter((one) => one !== id) }, { replace: true });
    },
    [change, wizard.upload],
  );
  const looked = query.data?.uploads.find((one) => one.upload_id === open.look);
  const read = query.data?.uploads.find((one) => one.upload_id === open.read);
  const isAnyChosen = wizard.upload.length + wizard.source.length > 0;
  return (
    <DataPage tab="sources" title={t("sources.title")} lead={t("sources.lead")} asOf={query.dataUpdatedAt}>
      <Stack>
        <DropZone isOff={!mayDecide} onFiles={addFiles} />
        <section className={data.part}>
          <h2>{t("sources.uploads")}</h2>
          <Answer query={query} lines={3}>
            {() => <Uploads rows={rows} chosen={wizard.upload} onChoose={choose} onLook={(row) => { setOpen({ look: row.upload?.upload_id ?? "" }); }} onRead={(row) => { setOpen({ read: row.upload?.upload_id ?? "" }); }} />}
          </Answer>
        </section>
        <Sources wizard={wizard} onChoose={(source) => { change({ source }, { replace: true }); }} open={open} onOpen={setOpen} />
        {looked && <UploadPreview filename={looked.filename} name={looked.original_name} onClose={() => { setOpen({ look: "" }); }} />}
        {read && <ReadingSheet key={read.upload_id} upload={read} onClose={() => { setOpen({ read: "" }); }} />}
        {isAnyChosen && (
          <div className={data.bottom}>
            <Muted>{t("sources.chosen", { files: plural(wizard.upload.length, "file"), sources: plural(wizard.source.length, "source") })}</Muted>
            <ButtonLink look="primary" icon="right" to={tabAddress("config", wizard)}>
              {t("sources.configure")}
            </ButtonLink>
          </div>
        )}
      </Stack>
    </DataPage>
  );
}

interface SourcesProps {
  wizard: Wizard;
  onChoose: (names: readonly string[]) => void;
  open: { connect: string; edit: string };
  onOpen: (some: { connect?: string; edit?: string }) => void;
}

/** Kinds of sources, and those that are in use. */
function Sources({ wizard, onChoose, open, onOpen }: SourcesProps) {
  const connectors = useApi("GET /api/connectors/available");
  const sources = useApi("GET /api/sources", {}, { everySeconds: 5 });
  const kinds = connectors.data?.connectors ?? [];
  const edited = sources.data?.sources.find((one) => one.name === open.edit && one.origin === "saved");
  const connector = kinds.find((one) => one.type === (edited ? edited.type : open.connect));
  const close = () => {
    onOpen({ connect: "", edit: "" });
  };
  return (
    <>
      <section className={data.part}>
        <h2>{t("connectors.saved.title")}</h2>
        <Answer query={sources} lines={3}>
          {(found) => (
            <SavedSources
              sources={found.sources}
              chosen={wizard.source}
              onChoose={(name, isChosen) => { onChoose(isChosen ? [...wizard.source, name] : wizard.source.filter((one) => one !== name)); }}
              onEdit={(source) => { onOpen({ edit: source.name }); }}
            />
          )}
        </Answer>
      </section>
      <section className={data.part}>
        <h2>{t("connectors.title")}</h2>
        <Answer query={connectors} lines={6}>
          {(found) => <Connectors connectors={found.connectors.filter((one) => one.type !== "local")} onOpen={(type) => { onOpen({ connect: type }); }} />}
        </Answer>
      </section>
      {connector && (
        <SourceSheet
          key={`${connector.type} ${edited?.name ?? ""}`}
          connector={connector}
          {...(edited ? { source: edited } : {})}
          onClose={close}
          onSaved={(name) => {
            onOpen({ connect: "", edit: "" });
            onChoose([...new Set([...wizard.source, name])]);
          }}
        />
      )}
    </>
  );
}
