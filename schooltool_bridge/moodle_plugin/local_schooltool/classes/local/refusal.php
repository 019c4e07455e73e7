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

namespace local_schooltool\local;

/**
 * Why a question of the other side is not answered. Pure.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class refusal extends \Exception {
    /** @var int what was asked is wrong */
    const MALFORMED = 8400;

    /** @var int switched off here */
    const OFF = 8403;

    /** @var int there is nobody and nothing of that name */
    const UNKNOWN = 8404;

    /** @var int something is out of order here: ask again later */
    const LATER = 8503;

    /** @var string the key of its sentence in the language file */
    public $key;

    /** @var string what the sentence names */
    public $about;

    /**
     * Refuse.
     *
     * @param int $code one of the above
     * @param string $key
     * @param string $about
     */
    public function __construct(int $code, string $key, string $about = '') {
        parent::__construct("$key: $about", $code);
        $this->key = $key;
        $this->about = $about;
    }
}
