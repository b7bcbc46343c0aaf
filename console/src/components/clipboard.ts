/** Copying what is shown. */
import { t } from "../text/catalogue";
import { toast } from "./toast";

export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("app.copied"));
  } catch {
    toast(t("app.copyFailed"));
  }
}
