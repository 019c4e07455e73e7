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

namespace local_schooltool\output;

use local_schooltool\local\sender;
use local_schooltool\local\words;

/**
 * What the page Status shows of each server.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class status_page implements \renderable, \templatable {
    /** @var int How many refused events are shown of each server. */
    const MOST = 100;

    /** @var bool Whether whoever looks may do something. */
    private $maymanage;

    /**
     * Takes what the user may.
     *
     * @param bool $maymanage
     */
    public function __construct(bool $maymanage) {
        $this->maymanage = $maymanage;
    }

    /**
     * The template's values.
     *
     * @param \renderer_base $output
     * @return array
     */
    public function export_for_template(\renderer_base $output) {
        global $CFG, $DB;
        $servers = [];
        foreach ($DB->get_records('local_schooltool_peer', [], 'id') as $peer) {
            $servers[] = $this->server($peer);
        }
        $moved = (string) get_config('local_schooltool', 'wwwroot');
        return [
            'servers' => $servers,
            'has' => (bool) $servers,
            'maymanage' => $this->maymanage,
            'moved' => $servers && $moved !== $CFG->wwwroot,
            'movedtext' => get_string('status_moved', 'local_schooltool', ['before' => s($moved), 'now' => s($CFG->wwwroot)]),
            'nohistory' => !empty($CFG->disablegradehistory),
            'action' => (new \moodle_url('/local/schooltool/status.php'))->out(false),
            'sendurl' => (new \moodle_url('/local/schooltool/sendall.php'))->out(false),
            'connecturl' => (new \moodle_url('/local/schooltool/connect.php'))->out(false),
            'sesskey' => sesskey(),
        ];
    }

    /**
     * One server.
     *
     * @param \stdClass $peer
     * @return array
     */
    private function server(\stdClass $peer): array {
        global $DB;
        $status = sender::status($peer->hostid);
        $host = $DB->get_record('mnet_host', ['id' => $peer->hostid]);
        $refused = [];
        foreach (array_slice($status['refused'], 0, self::MOST) as $row) {
            $row = (object) $row;
            $refused[] = [
                'when' => userdate($row->timecreated),
                'code' => $row->code,
                'reason' => $row->reason,
                'what' => isset($row->kind) ? trim((empty($row->event) ? $row->kind : $row->event) . ' '
                    . ($row->objectid ?? '') . (empty($row->relatedid) ? '' : ', ' . $row->relatedid)) : '',
            ];
        }
        $never = get_string('never');
        return [
            'hostid' => $peer->hostid,
            'name' => $peer->name,
            'wwwroot' => $host ? $host->wwwroot : '',
            'off' => !$peer->enabled || !$host || $host->deleted,
            'waiting' => $status['waiting'],
            'iswaiting' => $status['waiting'] > 0,
            'lastsuccess' => $status['last_success'] ? userdate($status['last_success']) : $never,
            'lasterror' => (string) $status['last_error'] === '' ? '' : words::of([$status['last_error']]),
            'down' => $status['down_until'] > time(),
            'downuntil' => $status['down_until'] ? userdate($status['down_until'], get_string('strftimetime', 'langconfig')) : '',
            'mode' => get_string($status['mode'] === 'at once' ? 'mode_atonce' : 'mode_eachminute', 'local_schooltool'),
            'refused' => $refused,
            'hasrefused' => (bool) $refused,
            'refusedcount' => count($status['refused']),
            'connecturl' => (new \moodle_url('/local/schooltool/connect.php', ['hostid' => $peer->hostid]))->out(false),
            'maymanage' => $this->maymanage,
        ];
    }
}
