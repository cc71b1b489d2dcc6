/** As much of the package as the tests use; it brings no types of its own. */
declare module "oidc-provider" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  export interface KoaContext {
    req: IncomingMessage;
    res: ServerResponse;
    path: string;
    method: string;
    type: string;
    body: unknown;
    respond: boolean;
    oidc: { provider: Provider; client: { clientId: string }; account?: { accountId: string } };
  }

  export class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>);
    use(middleware: (context: KoaContext, next: () => Promise<void>) => Promise<void>): void;
    callback(): (request: IncomingMessage, response: ServerResponse) => void;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: Record<string, unknown>,
      options: { mergeWithLastSubmission: boolean },
    ): Promise<void>;
    Grant: new (of: {
      clientId: string;
      accountId: string | undefined;
    }) => { addOIDCScope(scopes: string): void; save(): Promise<string> };
  }

  export default Provider;
}
