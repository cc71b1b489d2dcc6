/** Three shelves in a cupboard, as on the pages to sign in. */
export function Logo({ className = "size-7" }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className={`flex-none text-accent ${className}`}>
      <rect x="4" y="3" width="24" height="26" rx="4" fill="none" stroke="currentColor" strokeWidth="2.5" />
      <path d="M4 12h24M4 20.5h24" stroke="currentColor" strokeWidth="2.5" />
      <path d="M9 12V7.5h4V12M16 20.5v-4h7v4M9 29v-4h5v4" fill="currentColor" />
    </svg>
  );
}
