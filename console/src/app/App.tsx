/** The console: who is there decides what is shown, the address decides which page. */
import { QueryClientProvider } from "@tanstack/react-query";
import { Suspense } from "react";
import { Route, Router, Switch, useLocation } from "wouter";
import { ApiError } from "../api/client";
import { client } from "../api/queries";
import { Failure } from "../components/Answer";
import { Page } from "../components/Page";
import { Empty, Skeleton } from "../components/controls";
import { PAGES } from "../pages/registry";
import { t } from "../text/catalogue";
import pageStyles from "../components/Page.module.css";
import { Boundary } from "./Boundary";
import { Shell } from "./Shell";
import { Enter, SignIn } from "./SignIn";
import { SessionProvider } from "./session";

const BASE = new URL(document.baseURI).pathname.replace(/\/$/, "");

export function App() {
  return (
    <QueryClientProvider client={client}>
      <Router base={BASE}>
        <SessionProvider>
          {(session, error, retry) => {
            if (!session) {
              return error instanceof ApiError ? (
                <main className={pageStyles.page}>
                  <h1>{t("app.name")}</h1>
                  <Failure error={error} onRetry={retry} />
                </main>
              ) : null;
            }
            return (
              <Switch>
                <Route path="/enter">
                  <Enter />
                </Route>
                <Route>{session.needs_token && !session.signed_in ? <SignIn /> : <Pages />}</Route>
              </Switch>
            );
          }}
        </SessionProvider>
      </Router>
    </QueryClientProvider>
  );
}

function Pages() {
  const [location] = useLocation();
  return (
    <Shell>
      <Boundary key={location}>
        <Suspense
          fallback={
            <div className={pageStyles.page}>
              <Skeleton />
            </div>
          }
        >
          <Switch>
            {PAGES.map(({ path, page: Content }) => (
              <Route key={path} path={path}>
                <Content />
              </Route>
            ))}
            <Route>
              <Page title={t("app.notFound")}>
                <Empty title={t("app.notFound")} hint={t("app.notFoundHint")} />
              </Page>
            </Route>
          </Switch>
        </Suspense>
      </Boundary>
    </Shell>
  );
}
