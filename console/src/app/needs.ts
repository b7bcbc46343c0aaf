/** What needs a person, wherever somebody is: counts in the navigation and in the title of the window. */
import { useApi } from "../api/queries";
import type { Component } from "../api/types";

export interface Needs {
  /** Of each page of the navigation, how many; 0 as long as nothing is known. */
  held: number;
  endpoints: number;
  health: number;
  total: number;
  /** Parts of the installation that are not as they should be. */
  parts: readonly Component[];
}

export function useNeeds(): Needs {
  const overview = useApi("GET /api/overview", {}, { everySeconds: 15 });
  const health = useApi("GET /health", {}, { everySeconds: 30 });
  const needs = overview.data?.needs ?? [];
  const parts = (health.data?.components ?? []).filter((one) => one.status !== "ok");
  const held = needs.filter((one) => one.kind === "held_sync" || one.kind === "held_plan").length;
  const alerts = needs.filter((one) => one.kind === "alert").length;
  const total = needs.length + parts.length;
  return { held, endpoints: needs.length - held - alerts, health: alerts + parts.length, total, parts };
}
