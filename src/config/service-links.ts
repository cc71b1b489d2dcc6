/**
 * Kubernetes and Docker links tell every container about the services beside it through variables that are named after
 * the service: a service called `larder` brings `LARDER_SERVICE_HOST` and `LARDER_PORT=tcp://10.0.0.1:5273`.
 * Nobody set those on purpose, so they are no settings.
 * https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
export function isServiceLink(variable: string, value: string): boolean {
  if (/_SERVICE_(HOST|PORT(_\w+)?)$/.test(variable)) return true;
  if (/_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(variable)) return true;
  return /_PORT$/.test(variable) && /^(tcp|udp|sctp):\/\//.test(value);
}
