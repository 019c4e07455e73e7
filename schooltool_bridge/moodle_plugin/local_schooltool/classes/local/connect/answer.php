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
 * Looks whether the server answers, and has ticked its side of the services.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class answer extends step {
    /**
     * It only looks.
     *
     * @return bool
     */
    public function only_looks(): bool {
        return true;
    }

    /**
     * It is about one server.
     *
     * @return bool
     */
    public function of_one_server(): bool {
        return true;
    }

    /**
     * Asks the server which services it has for this Moodle, and compares them with the boxes here.
     *
     * @param target $target
     * @return state
     */
    public function state(target $target): state {
        // Without networking Moodle has no key at hand: what it would say of that leads nowhere.
        if (!$target->is_peer() || (new networking())->is_off()) {
            return new state(state::NOTE, get_string('answer_later', 'local_schooltool'));
        }
        [$services, $problem] = remote::ask($target, 'system/listServices');
        if (!is_array($services)) {
            return new state(state::BLOCKED, $problem !== '' ? $problem : get_string('answer_strange', 'local_schooltool'));
        }
        $missing = self::missing($services, self::ours($target->hostid()));
        if ($missing) {
            return new state(state::BLOCKED, get_string('answer_missing', 'local_schooltool', s(implode('; ', $missing))));
        }
        return new state(state::DONE, get_string('answer_good', 'local_schooltool'));
    }

    /**
     * The boxes that are ticked here for a host.
     *
     * @param int $hostid
     * @return array[] service to ['publish' => bool, 'subscribe' => bool]
     */
    private static function ours(int $hostid): array {
        global $DB;
        $ours = [];
        $rows = $DB->get_records_sql('SELECT s.name, h.publish, h.subscribe FROM {mnet_host2service} h
                JOIN {mnet_service} s ON s.id = h.serviceid WHERE h.hostid = ?', [$hostid]);
        foreach ($rows as $row) {
            $ours[$row->name] = ['publish' => (bool) $row->publish, 'subscribe' => (bool) $row->subscribe];
        }
        return $ours;
    }

    /**
     * What is not ticked over there though it is needed: what we publish they have to subscribe.
     *
     * Only our own service must be the same on both sides; of others a school may want one way only.
     *
     * @param array $services the answer of system/listServices
     * @param array $ours
     * @return string[] such as "schooltool: publish"
     */
    public static function missing(array $services, array $ours): array {
        $theirs = [];
        foreach ($services as $row) {
            if (is_array($row) && isset($row['name'])) {
                $theirs[(string) $row['name']] = $row;
            }
        }
        $missing = [];
        $boxes = isset($ours['schooltool']) ? $ours['schooltool'] : ['publish' => true, 'subscribe' => true];
        foreach (['subscribe' => 'publish', 'publish' => 'subscribe'] as $here => $there) {
            if ($boxes[$here] && empty($theirs['schooltool'][$there])) {
                $missing[] = 'schooltool: ' . $there;
            }
        }
        return $missing;
    }
}
