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
 * Looks whether Moodle's own cURL security (blocked hosts, allowed ports) names the server.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class blocked extends step {
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
     * Asks Moodle's own helper, and says which of the two lists it is.
     *
     * @param target $target
     * @return state
     */
    public function state(target $target): state {
        global $CFG;
        if ($target->wwwroot === '') {
            return new state(state::NOTE);
        }
        $helper = new \core\files\curl_security_helper();
        if (!$helper->url_is_blocked($target->wwwroot)) {
            return new state(state::DONE, get_string('blocked_not', 'local_schooltool'));
        }
        $url = new \moodle_url($target->wwwroot);
        $port = (int) ($url->get_port() ?: ($url->get_scheme() === 'https' ? 443 : 80));
        $ports = array_filter(array_map('trim', explode("\n", (string) ($CFG->curlsecurityallowedport ?? ''))));
        $isport = $ports && !in_array((string) $port, $ports);
        $what = $isport ? get_string('blocked_port', 'local_schooltool', $port)
            : get_string('blocked_host', 'local_schooltool', s($url->get_host()));
        return new state(state::NOTE, $what . ' ' . get_string('blocked_meaning', 'local_schooltool'));
    }
}
