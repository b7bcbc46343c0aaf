/** Every page: its address, its place in the navigation, its key, its code (loaded when it is opened). */
import { lazy, type ComponentType, type LazyExoticComponent } from "react";
import type { IconName } from "../components/Icon";
import type { TextKey } from "../text/catalogue";

export interface PageEntry {
  /** As wouter has it: `/files/:endpoint/:id`. */
  path: string;
  page: LazyExoticComponent<ComponentType>;
  /** In the navigation, and with the key that `g` and this letter press. */
  nav?: { label: TextKey; icon: IconName; key: string; counts?: "held" | "endpoints" | "health" };
}

export const PAGES: readonly PageEntry[] = [
  { path: "/", page: lazy(() => import("./overview")), nav: { label: "overview.nav", icon: "home", key: "o" } },
  { path: "/files", page: lazy(() => import("./files")), nav: { label: "files.nav", icon: "folder", key: "f" } },
  { path: "/files/:endpoint/*", page: lazy(() => import("./file")) },
  { path: "/changes", page: lazy(() => import("./changes")), nav: { label: "changes.nav", icon: "clock", key: "c" } },
  { path: "/changes/compare", page: lazy(() => import("./compare")) },
  { path: "/endpoints", page: lazy(() => import("./endpoints")), nav: { label: "endpoints.nav", icon: "database", key: "e", counts: "endpoints" } },
  { path: "/endpoints/:name", page: lazy(() => import("./endpoint")) },
  { path: "/held", page: lazy(() => import("./held")), nav: { label: "held.nav", icon: "hand", key: "h", counts: "held" } },
  { path: "/held/plans/:name", page: lazy(() => import("./heldPlan")) },
  { path: "/held/:name", page: lazy(() => import("./heldSync")) },
  { path: "/reports", page: lazy(() => import("./reports")), nav: { label: "reports.nav", icon: "chart", key: "r" } },
  { path: "/reports/:name", page: lazy(() => import("./reports")) },
  { path: "/data", page: lazy(() => import("./data/home")), nav: { label: "data.nav", icon: "table", key: "d" } },
  { path: "/data/sources", page: lazy(() => import("./data/sources")) },
  { path: "/data/config", page: lazy(() => import("./data/config")) },
  { path: "/data/results", page: lazy(() => import("./data/results")) },
  { path: "/data/export", page: lazy(() => import("./data/export")) },
  { path: "/data/tables", page: lazy(() => import("./data/tables")) },
  { path: "/data/tables/:id", page: lazy(() => import("./data/table")) },
  { path: "/data/sessions", page: lazy(() => import("./data/sessions")) },
  { path: "/health", page: lazy(() => import("./health")), nav: { label: "health.nav", icon: "heart", key: "s", counts: "health" } },
  { path: "/settings", page: lazy(() => import("./settings")), nav: { label: "settings.nav", icon: "settings", key: "," } },
];
