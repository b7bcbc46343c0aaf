/** `a` opens the dialog that approves; it never approves by itself. */
import { useEffect } from "react";
import { isTyping } from "./keys";
import { keysAreOff } from "./preferences";

export function useApproveKey(isOn: boolean, open: () => void): void {
  useEffect(() => {
    if (!isOn) return undefined;
    const press = (event: KeyboardEvent) => {
      const isOurs = event.key === "a" && !event.ctrlKey && !event.metaKey && !event.altKey;
      if (!isOurs || keysAreOff() || isTyping(event.target) || event.defaultPrevented) return;
      event.preventDefault();
      open();
    };
    window.addEventListener("keydown", press);
    return () => {
      window.removeEventListener("keydown", press);
    };
  }, [isOn, open]);
}
