/** Types of columns as people write them. */

/** A type as people write it: `decimal(18, 2)` for `decimal128(18, 2)`, `date` for `date32[day]`. */
export function typeText(type: string): string {
  return type.replace(/^decimal(128|256)/, "decimal").replace(/^date32\[day\]$/, "date").replace(/^large_/, "").replace(/^double$/, "float");
}
