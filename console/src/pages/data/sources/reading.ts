/** How a file is read where somebody says so: what fields of a form have of it, and back. */
import type { ReadingChoices } from "../../../api/types";
import { pairsText, parsePairs } from "../../../forms/schema";

export interface ReadingForm {
  delimiter: string;
  encoding: string;
  headerRow: string;
  sheet: string;
  types: string;
}

export function formOf(choices: ReadingChoices): ReadingForm {
  return {
    delimiter: choices.delimiter ?? "",
    encoding: choices.encoding ?? "",
    headerRow: choices.header_row === null ? "" : String(choices.header_row),
    sheet: choices.sheet ?? "",
    types: pairsText(choices.types),
  };
}

/** What is sent: what nobody filled in is found out. */
export function choicesOf(form: ReadingForm): ReadingChoices {
  return {
    delimiter: form.delimiter || null,
    encoding: form.encoding.trim() || null,
    header_row: form.headerRow === "" ? null : Number(form.headerRow),
    sheet: form.sheet.trim() || null,
    types: parsePairs(form.types),
  };
}
