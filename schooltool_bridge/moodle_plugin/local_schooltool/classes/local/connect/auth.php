<?php
// This file is part of Moodle - https://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <https://www.gnu.org/licenses/>.

namespace local_schooltool\local\connect;

/**
 * Switches the authentication plugin MNet on.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class auth extends step {
    /**
     * Whether the plugin's files are there and installed; Moodle brings it until 4.5.
     *
     * @return bool
     */
    public static function is_installed(): bool {
        return exists_auth_plugin('mnet') && get_config('auth_mnet', 'version') !== false;
    }

    /**
     * It has to be among those that are switched on.
     *
     * @param target $target
     * @return state
     */
    public function state(target $target): state {
        global $CFG;
        if (!self::is_installed()) {
            return new state(state::BLOCKED, get_string('auth_missing', 'local_schooltool'));
        }
        if (is_enabled_auth('mnet')) {
            return new state(state::DONE, get_string('auth_on', 'local_schooltool'));
        }
        if (isset($CFG->config_php_settings['auth'])) {
            return new state(state::BLOCKED, get_string('auth_configphp', 'local_schooltool'));
        }
        return new state(state::OPEN, get_string('auth_off', 'local_schooltool'));
    }

    /**
     * Switches it on.
     *
     * @param target $target
     */
    public function apply(target $target) {
        $this->remember($target, []);
        self::enable(true);
    }

    /**
     * Switches it off again. Whoever is signed in by it is signed out.
     *
     * @param target $target
     * @param array $before
     */
    protected function restore(target $target, array $before) {
        self::enable(false);
    }

    /**
     * Does what Moodle's page Manage authentication does; it has a function for it only since 4.0.
     *
     * @param bool $on
     */
    private static function enable(bool $on) {
        global $CFG;
        if (method_exists('\core\plugininfo\auth', 'enable_plugin')) {
            \core\plugininfo\auth::enable_plugin('mnet', (int) $on);
            return;
        }
        $plugins = array_filter(explode(',', (string) $CFG->auth), function ($name) {
            return $name !== '' && $name !== 'mnet';
        });
        if ($on) {
            $plugins[] = 'mnet';
        }
        $value = implode(',', $plugins);
        add_to_config_log('auth', $CFG->auth, $value, 'core');
        set_config('auth', $value);
        \core\session\manager::gc();
        \core_plugin_manager::reset_caches();
    }
}
