import { Button } from "./button.tsx";
import { CodeText } from "./code-text.tsx";

/** What went wrong, in the server's words, and a way to try again. */
export function Failure({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  return (
    <div role="alert" className="appear rounded-lg border border-bad bg-bad-page p-3.5 text-bad">
      <p className="[overflow-wrap:anywhere]">
        <CodeText text={error.message} />
      </p>
      {onRetry && (
        <Button look="danger" className="mt-3" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Tells screen readers and everybody else that something has worked. Empty until then, so that it is noticed. */
export function Done({ message }: { message: string | undefined }) {
  return (
    <div role="status" className={message ? "appear mb-4 rounded-lg bg-good-page p-3.5 text-good" : ""}>
      {message}
    </div>
  );
}
