/** Before every route of the API. */
export const adminPath = "/api/v1";
