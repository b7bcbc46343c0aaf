/** `/data` is its first tab. */
import { Redirect } from "wouter";

export default function DataHome() {
  return <Redirect to="/data/sources" replace />;
}
