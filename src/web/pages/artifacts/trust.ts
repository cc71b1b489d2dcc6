export const trustedOnly = "trusted";

/** What can be said of trust, besides nothing: untrusted work is named by its scope. */
export const trustChoices = [{ value: trustedOnly, label: "Trusted only" }];
