/** A page that fails takes nothing else with it. */
import { Component, type ReactNode } from "react";
import { Banner, Button } from "../components/controls";
import { t } from "../text/catalogue";
import styles from "../components/Page.module.css";

export class Boundary extends Component<{ children: ReactNode }, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override render() {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <div className={styles.page}>
        <h1>{t("app.broken")}</h1>
        <Banner
          tone="bad"
          title={t("app.broken")}
          action={
            <Button
              onClick={() => {
                window.location.reload();
              }}
            >
              {t("app.retry")}
            </Button>
          }
        >
          {t("app.brokenHint")}
        </Banner>
      </div>
    );
  }
}
