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
 * People, courses, enrolments, activities and grades: the service of this plugin.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class events extends service {
    /**
     * Nothing arrives without it.
     *
     * @return bool
     */
    public function may_be_left_out(): bool {
        return false;
    }

    /**
     * Its name.
     *
     * @return string[]
     */
    protected function services(): array {
        return ['schooltool'];
    }

    /**
     * It comes with this plugin, so that only a broken installation lacks it.
     *
     * @return string
     */
    protected function unknown(): string {
        return get_string('events_unknown', 'local_schooltool');
    }
}
