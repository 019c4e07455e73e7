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

use local_schooltool\local\words;

/**
 * Asks a connected server something, once.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class remote {
    /** @var int Seconds; a person waits for it. */
    const TIMEOUT = 15;

    /**
     * Calls a method without parameters.
     *
     * @param target $target
     * @param string $method
     * @return array the answer (null when there is none), and why not, in words
     */
    public static function ask(target $target, string $method): array {
        global $CFG;
        require_once($CFG->dirroot . '/mnet/xmlrpc/client.php');
        if (!$target->is_peer()) {
            return [null, get_string('peer_none', 'local_schooltool')];
        }
        if (!cipher::works()) {
            return [null, get_string('reply_cipher', 'local_schooltool')];
        }
        $client = new \mnet_xmlrpc_client();
        $client->set_method($method);
        $client->set_timeout(self::TIMEOUT);
        try {
            // Moodle's client also warns of what it puts into its list of errors, which is said in words below.
            $sent = @$client->send($target->peer());
        } catch (\Throwable $problem) {
            return [null, s($problem->getMessage())];
        }
        return $sent ? [$client->response, ''] : [null, words::of((array) $client->error)];
    }
}
