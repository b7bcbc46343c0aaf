/** Who is signed in. */
import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useMemo, type ReactNode } from "react";
import { call, rememberCsrf } from "../api/client";
import { useApi } from "../api/queries";
import type { ConsoleSession } from "../api/types";

const NOBODY: ConsoleSession = {
  signed_in: false,
  role: null,
  may_decide: false,
  needs_token: true,
  csrf: null,
  version: "",
  dagster_url: null,
};

const Context = createContext<ConsoleSession>(NOBODY);

export function useSession(): ConsoleSession {
  return useContext(Context);
}

interface Props {
  children: (session: ConsoleSession | undefined, error: Error | null, retry: () => void) => ReactNode;
}

export function SessionProvider({ children }: Props) {
  const queries = useQueryClient();
  const found = useApi("GET /console/session", {}, { everySeconds: 300 });
  const session = found.data;
  rememberCsrf(session?.csrf ?? null);
  useEffect(() => {
    const look = () => void queries.invalidateQueries({ queryKey: ["GET /console/session"] });
    window.addEventListener("filesync:signed-out", look);
    return () => {
      window.removeEventListener("filesync:signed-out", look);
    };
  }, [queries]);
  return (
    <Context.Provider value={session ?? NOBODY}>
      {children(session, found.error, () => void found.refetch())}
    </Context.Provider>
  );
}

/** Signing in and out: what was seen before is forgotten. */
export function useSigning() {
  const queries = useQueryClient();
  return useMemo(
    () => ({
      async signIn(proof: { token: string } | { code: string }): Promise<void> {
        const session = await call("POST /console/session", { body: proof });
        rememberCsrf(session.csrf);
        queries.removeQueries({ predicate: (query) => query.queryKey[0] !== "GET /console/session" });
        queries.setQueryData(["GET /console/session", {}, {}], session);
      },
      async signOut(everywhere: boolean): Promise<void> {
        await (everywhere ? call("DELETE /console/sessions") : call("DELETE /console/session"));
        queries.clear();
        window.location.assign(document.baseURI);
      },
    }),
    [queries],
  );
}
