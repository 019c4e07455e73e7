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
 * Enrolling people of the server's own into courses here.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class courses extends service {
    /**
     * Moodle's name for it.
     *
     * @return string[]
     */
    protected function services(): array {
        return ['mnet_enrol'];
    }

    /**
     * Moodle 5 has it no more.
     *
     * @return string
     */
    protected function unknown(): string {
        return get_string('courses_unknown', 'local_schooltool');
    }

    /**
     * Nobody asks for it there.
     *
     * @return bool
     */
    protected function may_be_missing(): bool {
        return true;
    }

    /**
     * As in SchoolTool, whose choice "Both ways" is without it.
     *
     * @return bool
     */
    public function chosen_by_default(): bool {
        return false;
    }

    /**
     * A Moodle that was upgraded to 5 keeps the name of what it can no longer do.
     *
     * @param string $name
     * @return bool
     */
    protected function is_there(string $name): bool {
        return \core_component::get_plugin_directory('enrol', 'mnet') !== null;
    }
}
