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
 * Switches Moodle's networking on.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class networking extends step {
    /**
     * Nothing goes without it.
     *
     * @return bool
     */
    public function may_be_left_out(): bool {
        return false;
    }

    /**
     * Whether it is off.
     *
     * @return bool
     */
    public function is_off(): bool {
        global $CFG;
        return empty($CFG->mnet_dispatcher_mode) || $CFG->mnet_dispatcher_mode === 'off';
    }

    /**
     * On is the mode that Moodle calls strict.
     *
     * @param target $target
     * @return state
     */
    public function state(target $target): state {
        global $CFG;
        if (!$this->is_off()) {
            return new state(state::DONE, get_string('networking_on', 'local_schooltool'));
        }
        if (isset($CFG->config_php_settings['mnet_dispatcher_mode'])) {
            return new state(state::BLOCKED, get_string('networking_configphp', 'local_schooltool'));
        }
        return new state(state::OPEN, get_string('networking_off', 'local_schooltool'));
    }

    /**
     * Switches it on.
     *
     * @param target $target
     */
    public function apply(target $target) {
        global $CFG;
        $this->remember($target, ['mode' => empty($CFG->mnet_dispatcher_mode) ? 'off' : $CFG->mnet_dispatcher_mode]);
        set_config('mnet_dispatcher_mode', 'strict');
    }

    /**
     * Switches it off again.
     *
     * @param target $target
     * @param array $before
     */
    protected function restore(target $target, array $before) {
        set_config('mnet_dispatcher_mode', $before['mode']);
    }
}
