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

namespace local_schooltool\task;

use local_schooltool\local\sender;

/**
 * Sends what waits, each minute.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class send extends \core\task\scheduled_task {
    /** Seconds of a run; the next one goes on. */
    const SECONDS = 50;

    /**
     * What the list of tasks calls it.
     *
     * @return string
     */
    public function get_name() {
        return get_string('task_send', 'local_schooltool');
    }

    /**
     * Send for at most SECONDS.
     *
     * @return void
     */
    public function execute() {
        $did = sender::run(null, self::SECONDS);
        if ($did['sent'] || $did['refused'] || $did['waiting']) {
            mtrace("sent {$did['sent']}, refused {$did['refused']}, waiting {$did['waiting']}");
        }
    }
}
