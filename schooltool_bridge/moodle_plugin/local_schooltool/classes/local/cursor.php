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
 * Where a walk of full_sync stands: a text of at most 255 characters that the caller brings back. Pure.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class cursor {
    /** @var string what one looks like */
    const LOOKS = '~^(?<entity>[a-z]{1,12})\|(?<at>\d+(?::\d+){0,2})\|(?<upper>\d+)\|(?<sent>\d+)\|(?<guess>\d+)'
        . '\|(?<takenat>\d+)\|(?<scope>[0-9a-z-]{1,40})\|(?<whole>[01])$~D';

    /** @var string what is walked through */
    public $entity;

    /** @var string what was sent last, in the words of the reader */
    public $at = '0';

    /** @var int the highest id when the walk began */
    public $upper = 0;

    /** @var int how many items were sent so far */
    public $sent = 0;

    /** @var int how many there may be */
    public $guess = 0;

    /** @var int when the walk began, and five minutes before that */
    public $takenat = 0;

    /** @var string what was sent at the beginning */
    public $scope = '';

    /** @var int 1 while nothing was left out that belongs there */
    public $whole = 1;

    /**
     * Read what the caller brought back.
     *
     * @param string $text
     * @return cursor|null null for what is none
     */
    public static function read(string $text): ?cursor {
        if (strlen($text) > 255 || !preg_match(self::LOOKS, $text, $found)) {
            return null;
        }
        $cursor = new cursor();
        foreach (['entity', 'at', 'scope'] as $name) {
            $cursor->$name = $found[$name];
        }
        foreach (['upper', 'sent', 'guess', 'takenat', 'whole'] as $name) {
            $cursor->$name = (int) $found[$name];
        }
        return $cursor;
    }

    /**
     * Write it down.
     *
     * @return string
     */
    public function text(): string {
        return implode('|', [
            $this->entity, $this->at, $this->upper, $this->sent, $this->guess, $this->takenat, $this->scope, $this->whole,
        ]);
    }
}
