import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Button } from "./button.tsx";
import { Failure } from "./failure.tsx";

/** A dialog over the page. The browser keeps the focus inside and closes it on Escape; afterwards the focus is where it was. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    document.documentElement.classList.add("overflow-hidden");
    return () => {
      document.documentElement.classList.remove("overflow-hidden");
      // The browser does so for a dialog that is closed, and not for one that is taken off the page.
      before?.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={titleId}
      onClose={onClose}
      className="appear w-[min(36rem,calc(100vw-1.5rem))] scroll-pb-20 rounded-xl border border-line bg-card p-5 text-ink shadow-2xl sm:p-6"
    >
      <h2 id={titleId} className="mb-3 text-xl font-bold [overflow-wrap:anywhere]">
        {title}
      </h2>
      {children}
    </dialog>
  );
}

/** The buttons of a dialog. They stay in sight however tall it is. */
export function DialogEnd({ children }: { children: ReactNode }) {
  return (
    // What is sticky counts from within the padding of what scrolls: below zero is the edge.
    <div className="sticky -bottom-5 sm:-bottom-6 -mx-5 -mb-5 mt-5 flex flex-wrap justify-end gap-2 bg-card px-5 pt-3 pb-5 sm:-mx-6 sm:-mb-6 sm:px-6 sm:pb-6">
      {children}
    </div>
  );
}

/**
 * Asks before something is done that cannot be undone.
 * @param action what the button that does it says.
 * @param onDone told what came of it, once it is done; the dialog closes, if not said.
 */
export function Confirm<T>({
  title,
  action,
  onConfirm,
  onClose,
  onDone = onClose,
  children,
}: {
  title: string;
  action: string;
  onConfirm: () => Promise<T>;
  onClose: () => void;
  onDone?: (result: T) => void;
  children: ReactNode;
}) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="space-y-3">{children}</div>
      <div className="mt-4" aria-live="polite">
        {error && <Failure error={error} />}
      </div>
      <DialogEnd>
        <Button autoFocus onClick={onClose}>
          Cancel
        </Button>
        <Button
          look="danger"
          isBusy={isBusy}
          onClick={async () => {
            setBusy(true);
            setError(undefined);
            try {
              onDone(await onConfirm());
            } catch (problem) {
              setError(problem as Error);
            } finally {
              setBusy(false);
            }
          }}
        >
          {action}
        </Button>
      </DialogEnd>
    </Dialog>
  );
}
