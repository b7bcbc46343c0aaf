/** The state of something, as a badge. */
import { lookOf } from "../text/states";
import { Badge } from "./controls";

export function State({ state }: { state: string }) {
  const [tone, icon] = lookOf(state);
  return (
    <Badge tone={tone} icon={icon}>
      {state}
    </Badge>
  );
}
