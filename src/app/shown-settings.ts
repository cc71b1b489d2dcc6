import type { ShownSetting } from "../admin/settings-routes.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { type Config, settingJson, settingKeys, settingOf } from "../config/settings.ts";

/**
 * Every setting as an administrator may see it: without secrets.
 * @param resolved what has come of those that left it to the server.
 */
export function shownSettings({ config, sources }: LoadedConfig, resolved: Partial<Config>): ShownSetting[] {
  return settingKeys.map((name) => {
    const { doc, secret } = settingOf(name);
    const value = settingJson(name, config[name]);
    const inPlace = name in resolved ? settingJson(name, resolved[name]) : value;
    return {
      name,
      value,
      resolved: inPlace === value ? null : inPlace,
      source: sources[name].kind,
      doc,
      isSecret: secret === true,
    };
  });
}
