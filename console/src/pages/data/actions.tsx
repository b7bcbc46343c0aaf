/** What can be done with a generation wherever one is shown. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { call } from "../../api/client";
import type { SessionOut } from "../../api/types";
import { useSession } from "../../app/session";
import { Confirm } from "../../components/Dialog";
import { toast } from "../../components/toast";
import { Button, Facts } from "../../components/controls";
import { t } from "../../text/catalogue";
import { count, visible } from "../../text/format";
import { tabAddress } from "./wizard";

/** What a generation is called where it has no name: its tables, or the end of its id. */
export function nameOf(session: SessionOut): string {
  return session.tables.length > 0 ? session.tables.map((table) => visible(table.name)).join(", ") : t("sessions.unnamed", { id: session.session_id.slice(-6) });
}

export function RerunButton({ session, isQuiet = false }: { session: SessionOut; isQuiet?: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const [, navigate] = useLocation();
  const queries = useQueryClient();
  const { may_decide: mayDecide } = useSession();
  return (
    <>
      <Button icon="refresh" disabled={!mayDecide} {...(isQuiet ? { look: "quiet" as const, name: t("sessions.rerunOf", { name: nameOf(session) }) } : {})} onClick={() => { setOpen(true); }}>
        {isQuiet ? null : t("results.rerun")}
      </Button>
      {isOpen && (
        <Confirm
          title={t("results.rerunTitle")}
          action={t("results.rerun")}
          onClose={() => { setOpen(false); }}
          onConfirm={async () => {
            const made = await call("POST /api/sdv/sessions/{session_id}/rerun", { path: { session_id: session.session_id } });
            await queries.invalidateQueries({ queryKey: ["GET /api/sdv/sessions"] });
            toast(t("results.rerunAsked"));
            navigate(tabAddress("results", { upload: [], source: [], session: made.session_id }));
          }}
        >
          <p>{t("results.rerunSays")}</p>
          <Facts facts={[[t("results.seed"), session.seed === null ? t("app.unknown") : String(session.seed)], [t("results.tables"), count(session.tables.length)]]} />
        </Confirm>
      )}
    </>
  );
}
