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
 * How a step of Connect stands.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class state {
    /** @var string It is so. */
    const DONE = 'done';
    /** @var string Connect can do it. */
    const OPEN = 'todo';
    /** @var string Only somebody else can do it; the detail says who and how. */
    const BLOCKED = 'blocked';
    /** @var string It is fit to be known, and stops nothing. */
    const NOTE = 'note';

    /** @var string One of the constants. */
    public $status;
    /** @var string What holds now, a sentence. */
    public $detail;
    /** @var string Lines to be copied into a file, or nothing. */
    public $lines;

    /**
     * Takes what a step found.
     *
     * @param string $status
     * @param string $detail
     * @param string $lines
     */
    public function __construct(string $status, string $detail = '', string $lines = '') {
        $this->status = $status;
        $this->detail = $detail;
        $this->lines = $lines;
    }
}
