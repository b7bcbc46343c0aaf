/** The keyboard: `/` searches, `g` and a letter go to a page, `?` lists them. Off inside fields and dialogs. */
import { useEffect } from "react";
import { useLocation } from "wouter";
import { PAGES } from "../pages/registry";
import { keysAreOff } from "./preferences";

const PAUSE_MS = 1_200;

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName) || target.closest("dialog") !== null)
  );
}

interface Keys {
  onSearch: () => void;
  onHelp: () => void;
}

export function useKeys({ onSearch, onHelp }: Keys): void {
  const [, navigate] = useLocation();
  useEffect(() => {
    let goes = 0;
    const press = (event: KeyboardEvent) => {
      if (keysAreOff() || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || event.defaultPrevented) return;
      const page = Date.now() - goes < PAUSE_MS ? PAGES.find((one) => one.nav?.key === event.key) : undefined;
      goes = event.key === "g" && !page ? Date.now() : 0;
      if (page) navigate(page.path);
      else if (event.key === "/") onSearch();
      else if (event.key === "?") onHelp();
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => {
      window.removeEventListener("keydown", press);
    };
  }, [navigate, onSearch, onHelp]);
}
