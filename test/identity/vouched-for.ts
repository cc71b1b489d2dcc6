import type { SignInProof } from "../../src/identity/sign-in-proof.ts";
import type { User } from "../../src/identity/users.ts";

/** A proof that holds for as long as the user may sign in, for tests that are not about how one does. */
export function vouchedFor(user: User): SignInProof {
  return { user, stillHolds: () => true };
}
