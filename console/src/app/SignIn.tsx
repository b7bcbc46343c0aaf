/** Signing in: by the token of the API, or by the one-time link that `filesync up` prints. The address is kept. */
import { useEffect, useRef, useState, type FormEvent } from "react";
import { useLocation, useSearch } from "wouter";
import { ApiError } from "../api/client";
import { Failure } from "../components/Answer";
import { Banner, Button, TextField } from "../components/controls";
import { t } from "../text/catalogue";
import { useSigning } from "./session";
import styles from "./SignIn.module.css";

function asProblem(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, String(error), "", null);
}

export function SignIn() {
  const { signIn } = useSigning();
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const isOpen = window.location.protocol === "http:" && !/^(localhost|127\.|\[::1\])/.test(window.location.hostname);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    signIn({ token }).catch((error: unknown) => {
      setProblem(asProblem(error));
      setBusy(false);
    });
  };
  useEffect(() => {
    document.title = `${t("signIn.title")} · filesync`;
  }, []);
  return (
    <main className={styles.page}>
      <form onSubmit={submit} className={styles.form}>
        <h1>{t("signIn.title")}</h1>
        {isOpen && <Banner tone="warn" title={t("signIn.insecure")} />}
        <TextField
          label={t("signIn.token")}
          help={t("signIn.hint")}
          type="password"
          name="token"
          required
          value={token}
          onChange={(event) => {
            setToken(event.target.value);
          }}
        />
        {problem && <Failure error={problem} />}
        <Button type="submit" look="primary" disabled={isBusy || token === ""}>
          {t("signIn.do")}
        </Button>
      </form>
    </main>
  );
}

/** `/enter?code=…`: the code is sent, once, and is then in no address any more. */
export function Enter() {
  const code = new URLSearchParams(useSearch()).get("code") ?? "";
  const [, navigate] = useLocation();
  const { signIn } = useSigning();
  const [problem, setProblem] = useState<ApiError | null>(null);
  const isSent = useRef(false);
  useEffect(() => {
    if (isSent.current) return;
    isSent.current = true;
    signIn({ code }).then(
      () => {
        navigate("/", { replace: true });
      },
      (error: unknown) => {
        navigate("/enter", { replace: true });
        setProblem(asProblem(error));
      },
    );
  }, [code, navigate, signIn]);
  return problem ? (
    <>
      <div className={styles.above}>
        <Banner tone="bad" title={t("signIn.linkFailed")} isAlert>
          {problem.message} {problem.hint}
        </Banner>
      </div>
      <SignIn />
    </>
  ) : (
    <main className={styles.page} aria-busy="true">
      <h1>{t("signIn.entering")}</h1>
    </main>
  );
}
