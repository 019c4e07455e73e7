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
 * Signing on, both ways.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class signon extends service {
    /**
     * Who vouches, and who lets in.
     *
     * @return string[]
     */
    protected function services(): array {
        return ['sso_idp', 'sso_sp'];
    }

    /**
     * From Moodle 5 on a plugin has to bring it.
     *
     * @return string
     */
    protected function unknown(): string {
        return get_string('auth_missing', 'local_schooltool');
    }

    /**
     * A Moodle that was upgraded to 5 keeps the names of what it can no longer do.
     *
     * @param string $name
     * @return bool
     */
    protected function is_there(string $name): bool {
        return auth::is_installed();
    }
}
