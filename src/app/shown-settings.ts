import type { ShownSetting } from "../admin/settings-routes.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { settingJson, settingKeys, settingOf } from "../config/settings.ts";

/** Every setting as an administrator may see it: without secrets. */
export function shownSettings({ config, sources }: LoadedConfig): ShownSetting[] {
  return settingKeys.map((name) => {
    const { doc, secret } = settingOf(name);
    const value = settingJson(name, config[name]);
    return { name, value, source: sources[name].kind, doc, isSecret: secret === true };
  });
}
