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

namespace auth_mnet\task;

use auth_mnet\local\alive;
use auth_mnet\local\visits;

/**
 * Tells other sites which of their people are here, and forgets visits that are over.
 *
 * It has the name that it had in Moodle until 4.5, so that an admin's timetable for it goes on.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class cron_task extends \core\task\scheduled_task {
    /**
     * Its name for admins.
     *
     * @return string
     */
    public function get_name() {
        return get_string('crontask', 'auth_mnet');
    }

    /**
     * Do it.
     */
    public function execute() {
        global $CFG;
        if (is_enabled_auth('mnet') && !empty($CFG->mnet_dispatcher_mode) && $CFG->mnet_dispatcher_mode !== 'off') {
            alive::tell(null);
        }
        visits::sweep();
    }
}
