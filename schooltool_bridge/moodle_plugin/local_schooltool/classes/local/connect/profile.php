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
 * Lets the ID number and the picture go along when somebody signs on over there.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class profile extends step {
    /** @var string[] By these the server knows who comes, and shows them. */
    const FIELDS = ['idnumber', 'picture'];

    /**
     * It is about one server.
     *
     * @return bool
     */
    public function of_one_server(): bool {
        return true;
    }

    /**
     * Both have to be among the fields that go out to this server.
     *
     * @param target $target
     * @return state
     */
    public function state(target $target): state {
        if (!auth::is_installed()) {
            return new state(state::NOTE, get_string('auth_first', 'local_schooltool'));
        }
        $missing = array_diff(self::FIELDS, self::exported($target->hostid()));
        return $missing ? new state(state::OPEN, get_string('profile_missing', 'local_schooltool', implode(', ', $missing)))
            : new state(state::DONE, get_string('profile_there', 'local_schooltool'));
    }

    /**
     * Adds them, as the tab Profile fields of the peer does.
     *
     * @param target $target
     */
    public function apply(target $target) {
        if (!$target->is_peer()) {
            throw new \moodle_exception('peer_first', 'local_schooltool');
        }
        $name = 'host' . $target->hostid() . 'export';
        $this->remember($target, [
            'default' => get_config('mnet', $name . 'default'),
            'fields' => get_config('mnet', $name . 'fields'),
        ]);
        $fields = array_values(array_unique(array_merge(self::exported($target->hostid()), self::FIELDS)));
        set_config($name . 'default', 0, 'mnet');
        set_config($name . 'fields', implode(',', $fields), 'mnet');
    }

    /**
     * Sets both as they were.
     *
     * @param target $target
     * @param array $before
     */
    protected function restore(target $target, array $before) {
        foreach ($before as $what => $value) {
            $name = 'host' . $target->hostid() . 'export' . $what;
            if ($value === false) {
                unset_config($name, 'mnet');
            } else {
                set_config($name, $value, 'mnet');
            }
        }
    }

    /**
     * The optional fields that go out to a host, its own or else the site's.
     *
     * @param int $hostid
     * @return string[]
     */
    private static function exported(int $hostid): array {
        $own = $hostid ? get_config('mnet', 'host' . $hostid . 'exportfields') : false;
        if ($own === false || get_config('mnet', 'host' . $hostid . 'exportdefault') === '1') {
            $own = (string) get_config('moodle', 'mnetprofileexportfields');
        }
        return array_filter(explode(',', $own), 'strlen');
    }
}
