/** What the tabs share is in the address: what is learned from, and which generation is looked at. */
import { useSearch } from "wouter";
import { list, text, type Values } from "../../query/codec";
import { decode, encode } from "../../query/codec";
import { useQueryState } from "../../query/useQueryState";

export const WIZARD = { upload: list(), source: list(), session: text() };

export type Wizard = Values<typeof WIZARD>;

export type Tab = "sources" | "config" | "results" | "export" | "sessions" | "tables";

export const TABS: readonly Tab[] = ["sources", "config", "results", "export", "sessions", "tables"];

/** The address of a tab with what is chosen; nothing else of this page's parameters goes along. */
export function tabAddress(tab: Tab, wizard: Wizard): string {
  const search = encode(WIZARD, wizard);
  return search ? `/data/${tab}?${search}` : `/data/${tab}`;
}

export function useWizard(): [Wizard, (some: Partial<Wizard>, change?: { replace?: boolean }) => void] {
  return useQueryState(WIZARD);
}

export function useTabAddress(): (tab: Tab, some?: Partial<Wizard>) => string {
  const search = useSearch();
  return (tab, some = {}) => tabAddress(tab, { ...decode(WIZARD, search), ...some });
}
